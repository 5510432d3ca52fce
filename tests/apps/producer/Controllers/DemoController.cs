using System.Collections.Generic;
using Microsoft.AspNetCore.Mvc;

namespace Producer.Controllers
{
    [ApiController]
    [Route("api/[controller]")]
    public class DemoController : ControllerBase
    {
        [HttpGet]
        public IEnumerable<Product> Get()
        {
            var currency = "EUR";
            var products = new List<Product>
            {
                new Product { Id = 1, Name = "Keyboard", Price = 49.90m },
                new Product { Id = 2, Name = "Monitor", Price = 189.00m },
            };
            Response.Headers["Price-Currency"] = currency; // BP1
            return products;
        }
    }
}
